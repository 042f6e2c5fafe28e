"""Speed, as ratios against what people use today, in one run."""
