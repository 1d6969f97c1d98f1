"""Map: embeddings in two dimensions."""
