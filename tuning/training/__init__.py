"""Training: from rows of a job folder to a tuned voice. Only these modules import torch."""
