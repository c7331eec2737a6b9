"""The outside world on this computer: a phone, two providers' wire, a window onto the printer."""
