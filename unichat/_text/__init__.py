"""Text on its way in and out: printed, encoded, decoded and logged."""
