"""What a voice is learnt from: pairs, checked, split and frozen as a dataset."""
