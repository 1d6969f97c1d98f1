"""Maps of embeddings: t-SNE and UMAP, and how far they can be believed (thesis 5.2, 5.3 figures)."""
