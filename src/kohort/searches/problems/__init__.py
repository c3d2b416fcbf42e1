"""What the command line learns: tables and folders of images."""
