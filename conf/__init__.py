"""Makes `conf/` the package `regjax.conf` once it is installed: Hydra composes only from packages."""
