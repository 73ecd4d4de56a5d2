"""Our clients measured against others, in one run: `make bench`."""
