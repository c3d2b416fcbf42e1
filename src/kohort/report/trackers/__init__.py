"""A search as TensorBoard, MLflow and Optuna keep it, each written by its own client."""
