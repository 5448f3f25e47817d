//! Where an app comes from: what a person said of it, checked, and the login to its repository sealed.

use super::servers::invalid;
use super::{Service, ServiceError};
use crate::domain::app::Source;
use crate::domain::git_url::{self, GitLogin};
use crate::domain::name;
use crate::domain::secret::Secret;

/// A compose file longer than this is a mistake.
const MAX_COMPOSE_BYTES: usize = 1024 * 1024;

/// Where an app comes from, as a person says it: exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRequest {
    /// May hold a login: `https://TOKEN@host/…`.
    pub git: Option<String>,
    pub branch: Option<String>,
    pub image: Option<String>,
    /// The text of a compose file.
    pub compose: Option<String>,
}

impl Service {
    /// The source, and the text of the compose file that is one.
    pub(super) fn source_of(&self, request: SourceRequest) -> Result<(Source, Option<String>), ServiceError> {
        check(request, |login| self.seal_git_login(login))
    }

    /// Sealed as it stood in the address.
    pub(super) fn seal_git_login(&self, login: &Secret<String>) -> Result<String, ServiceError> {
        if GitLogin::parse(login.expose()).is_none() {
            return Err(invalid("the login in the repository's address cannot be read"));
        }
        Ok(self.key()?.seal(login.expose()))
    }
}

pub(super) fn no_repository() -> ServiceError {
    invalid("a branch belongs to a git repository: there is none")
}

fn check(
    request: SourceRequest,
    seal: impl FnOnce(&Secret<String>) -> Result<String, ServiceError>,
) -> Result<(Source, Option<String>), ServiceError> {
    if request.branch.is_some() && request.git.is_none() {
        return Err(no_repository());
    }
    match (request.git, request.image, request.compose) {
        (Some(url), None, None) => {
            let branch = request.branch.unwrap_or_else(|| "main".to_owned());
            name::check_branch(&branch)?;
            let (url, login) = git_url::split(&url);
            name::check_git_url(&url)?;
            let login = login.map(|login| seal(&login)).transpose()?;
            Ok((Source::Git { url, branch, commit: None, login }, None))
        }
        (None, Some(image), None) => {
            name::check_image(&image)?;
            Ok((Source::Image { image }, None))
        }
        (None, None, Some(text)) => {
            if text.trim().is_empty() || text.contains('\0') {
                return Err(invalid("the compose file is empty or no text"));
            }
            if text.len() > MAX_COMPOSE_BYTES {
                return Err(invalid("the compose file has more than 1 MiB"));
            }
            Ok((Source::Compose, Some(text)))
        }
        _ => Err(ServiceError::Invalid {
            text: "an app comes from exactly one source".into(),
            hint: Some("`--git URL`, `--image REF` or `--compose FILE`".into()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(request: SourceRequest) -> Result<(Source, Option<String>), ServiceError> {
        check(request, |login| Ok(format!("sealed {}", login.expose().len())))
    }

    #[test]
    fn an_app_has_exactly_one_source() {
        let some = |git: bool, image: bool| SourceRequest {
            git: git.then(|| "https://git.example/a.git".to_owned()),
            image: image.then(|| "nginx:1".to_owned()),
            ..SourceRequest::default()
        };
        assert!(checked(some(true, false)).is_ok());
        assert!(checked(some(false, true)).is_ok());
        assert!(checked(some(true, true)).is_err());
        assert!(checked(some(false, false)).is_err());
        let lone = SourceRequest { branch: Some("x".into()), image: Some("nginx".into()), ..SourceRequest::default() };
        assert!(checked(lone).is_err());
    }

    #[test]
    fn a_login_is_sealed_and_the_address_goes_without_it() {
        let url = |url: &str| SourceRequest { git: Some(url.to_owned()), ..SourceRequest::default() };
        let (source, _) = checked(url("https://me:secret@git.example/a.git")).unwrap();
        let expected = Source::Git {
            url: "https://git.example/a.git".into(),
            branch: "main".into(),
            commit: None,
            login: Some("sealed 9".into()),
        };
        assert_eq!(source, expected);
        assert!(checked(url("ssh://me:secret@git.example/a.git")).is_err(), "ssh takes no password");
    }
}
