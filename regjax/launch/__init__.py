"""From Hydra's configuration to runs, and back."""
