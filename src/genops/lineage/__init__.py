"""How data flows from dataset to dataset, as far as operations name both sides themselves."""
