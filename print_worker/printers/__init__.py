"""Printer back ends, one module each; print_worker.printer says what they must offer."""
