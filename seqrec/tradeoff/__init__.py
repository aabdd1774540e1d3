"""What rerankers give and take: accuracy beside calibration, diversity and exposure."""
