"""Tuning: from reviewed conversations to a measured, promotable LoRA adapter."""
