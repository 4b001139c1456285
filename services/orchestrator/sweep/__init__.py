"""The paper's exploration for any pair: what steps, content weight and content layer do to it (its Figs. 4 to 9)."""
