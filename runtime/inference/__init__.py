"""Images through a trained model, and what is written of it."""
