"""Once installed, the package `regjax.conf`: Hydra composes only from packages that have this file."""
