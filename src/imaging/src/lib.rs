//! Images without a registry: Debian packages are verified, resolved, unpacked into one layer and written as an image
//! that a container engine loads.
//!
//! A library: it prints nothing and knows no home folder. The cache folder, extra mirrors and the root below which apt's
//! configuration is read come from the caller.

mod bundle;
mod compose;
mod debian;
mod embedded;
mod error;
mod fetch;
mod image;
mod lock;
mod progress;
mod recipe;
mod rootfs;

pub use bundle::{BundleItem, BundleManifest, BundledImage, Composed, Member, Purpose, Shelf, write_bundle};
pub use compose::{Base, Composer, Settings};
pub use embedded::recipe as embedded_recipe;
pub use embedded::recipe_names as embedded_recipe_names;
pub use error::ImagingError;
pub use image::{
    Archive, Blob, Image, Layer, Platform, RunConfig, binary_layer, fetch_image, read_images, write_images,
};
pub use progress::{Event, Progress, silent};
pub use recipe::Recipe;
