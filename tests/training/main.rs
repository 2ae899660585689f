//! Layers, losses, optimisers, data, files, the training loop.

mod answers;
mod damage;
mod datasets;
mod fit_checks;
mod hostile_files;
mod lbfgs;
mod model_files;
mod nn;
mod optim;
mod pieces;
mod places;
mod preprocessing_compared;
mod reports;
mod resume;
mod resume_settings;
mod sweep;
mod torch_files;
mod train;
mod worlds;
