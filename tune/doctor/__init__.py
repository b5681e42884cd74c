"""What can be known before an hour is spent: `topknot doctor`."""
