"""ImageNet-1K and Places365: their files as published, named splits, and what is prepared."""
