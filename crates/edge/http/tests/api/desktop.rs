//! The agent's page.

use crate::world::World;

#[tokio::test]
async fn the_page_comes_without_a_token_under_a_strict_policy() {
    let world = World::new().await;
    for (path, media) in [
        ("/desktop/", "text/html; charset=utf-8"),
        ("/desktop/main.js", "text/javascript; charset=utf-8"),
        ("/desktop/desktop.css", "text/css; charset=utf-8"),
        ("/desktop/icon.svg", "image/svg+xml"),
    ] {
        let answer = world.get(path).send().await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'self' https://crm.example.com"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn nothing_but_the_files_of_the_page_is_served() {
    let world = World::new().await;
    for path in ["/desktop/Cargo.toml", "/desktop/..%2Fdesktop.rs", "/desktop/index.html/", "/desktop/%2e%2e"]
    {
        assert_eq!(world.get(path).status().await, 404, "{path}");
    }
    let short = world.get("/desktop").send().await;
    assert_eq!((short.status, short.header("location")), (308, Some("desktop/")));
}
