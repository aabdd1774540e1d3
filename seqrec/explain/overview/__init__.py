"""What explanations of all audited users say together, as a page."""
