"""The outside world on this computer: a phone, Twilio's and Razorpay's wire, and a window onto the printer."""
