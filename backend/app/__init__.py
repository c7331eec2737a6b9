"""printwala's backend: take a document on WhatsApp, be paid, have it printed, say so."""

__version__ = "0.1.0"
