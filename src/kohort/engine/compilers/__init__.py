"""Who turns a structure into programs that train, judge and predict."""
