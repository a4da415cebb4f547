//! What browsers load, embedded as `make web` built it.

use axum::http::{HeaderMap, HeaderValue, header};

/// Path under `web/dist` and content of every file; empty when Node was not there at the build.
pub(crate) const BUILT: Assets = Assets(include!(concat!(env!("OUT_DIR"), "/assets.rs")));

/// Embedded files.
#[derive(Clone, Copy)]
pub(crate) struct Assets(pub(crate) &'static [(&'static str, &'static [u8])]);

impl Assets {
    /// Whether there is nothing.
    pub(crate) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The file at a path.
    pub(crate) fn find(self, path: &str) -> Option<&'static [u8]> {
        self.0.iter().find(|(at, _)| *at == path).map(|(_, content)| *content)
    }

    /// The file of that name, in whatever folder below this one.
    pub(crate) fn named(self, folder: &str, name: &str) -> Option<&'static [u8]> {
        let fits = |path: &str| path.starts_with(folder) && path.rsplit('/').next() == Some(name);
        self.0.iter().find(|(path, _)| fits(path)).map(|(_, content)| *content)
    }
}

/// The media type of a file, by its ending.
pub(crate) fn media(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "woff2")) => "font/woff2",
        Some((_, "png")) => "image/png",
        Some(_) | None => "text/plain; charset=utf-8",
    }
}

/// How long a browser may keep a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// For ever: its name holds a hash of its content.
    ForEver,
    /// It asks each time: page and daemon are never of two versions.
    Never,
}

/// The headers of a file.
pub(crate) fn headers(name: &str, keep: Keep) -> HeaderMap {
    let caching = match keep {
        Keep::ForEver => "public, max-age=31536000, immutable",
        Keep::Never => "no-cache",
    };
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(media(name))),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ])
}
