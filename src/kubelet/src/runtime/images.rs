//! Images, as far as pods need them.

use std::time::Duration;

use cri::v1;

use super::{DEADLINE, Result, Runtime, ask};

const PULL_DEADLINE: Duration = Duration::from_mins(30);

impl Runtime {
    /// The image as the runtime has it, if it does.
    pub(crate) async fn image(&self, reference: &str) -> Result<Option<v1::Image>> {
        let request = v1::ImageStatusRequest {
            image: Some(spec(reference)),
            verbose: false,
        };
        Ok(ask!(self.images, "ImageStatus", DEADLINE, image_status(request))
            .await?
            .image)
    }

    pub(crate) async fn list_images(&self) -> Result<Vec<v1::Image>> {
        let request = v1::ListImagesRequest { filter: None };
        Ok(ask!(self.images, "ListImages", DEADLINE, list_images(request))
            .await?
            .images)
    }

    pub(crate) async fn pull(
        &self,
        reference: &str,
        auth: Option<v1::AuthConfig>,
        sandbox: v1::PodSandboxConfig,
    ) -> Result<String> {
        let request = v1::PullImageRequest {
            image: Some(spec(reference)),
            auth,
            sandbox_config: Some(sandbox),
        };
        Ok(ask!(self.images, "PullImage", PULL_DEADLINE, pull_image(request))
            .await?
            .image_ref)
    }
}

fn spec(reference: &str) -> v1::ImageSpec {
    v1::ImageSpec {
        image: reference.to_owned(),
        ..Default::default()
    }
}
