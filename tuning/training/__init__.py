"""Training: from the rows of a job folder to a tuned voice; here torch is at home."""
