"""Tables and figures of finished runs; the only importer of plotting libraries."""
