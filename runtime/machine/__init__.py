"""What this machine computes with: devices, processes, threads, memory."""
