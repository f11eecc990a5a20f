"""tltpipe: from raw detection data to a trained, evaluated, exported TLT/TAO detector."""

__version__ = "0.1.0"
