"""Figures of design.md section 6, measured on this machine: `make bench`. Ratios within one run are what counts."""
