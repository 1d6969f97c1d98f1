"""Contrastive training (thesis 4.4): recipe -> pairs -> batches -> forward -> loss -> checkpoints, phase by phase."""
