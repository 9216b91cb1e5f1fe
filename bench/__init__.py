"""What is measured rather than tested: costs, load, and whether the fault bench notices a missing protection."""
