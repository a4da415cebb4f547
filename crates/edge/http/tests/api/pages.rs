//! The pages, and what they load.

use crate::world::World;

/// The files a page names.
fn named(html: &str) -> Vec<String> {
    let found = html.match_indices("../assets/").map(|(at, _)| &html[at + "..".len()..]);
    found.map(|rest| rest[..rest.find('"').unwrap()].to_owned()).collect()
}

#[tokio::test]
async fn pages_come_without_a_token_under_a_strict_policy() {
    let world = World::new().await;
    for (path, frames) in [
        ("/desktop/", "frame-ancestors 'self' https://crm.example.com"),
        ("/wallboard/", "frame-ancestors 'self'"),
        ("/admin/", "frame-ancestors 'self'"),
        ("/dial/", "frame-ancestors 'self' https://crm.example.com"),
    ] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.ends_with(frames), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn what_a_page_names_is_served_and_kept_for_ever() {
    let world = World::new().await;
    for path in ["/desktop/", "/wallboard/", "/admin/", "/dial/"] {
        let answer = world.get(path).send().await;
        let html = answer.text();
        if answer.status == 404 {
            assert!(html.contains("built without Node"), "{html}");
            continue;
        }
        let files = named(html);
        assert!(files.len() >= 3, "{path} names {files:?}");
        for file in files {
            let answer = world.get(&file).send().await;
            let media = match file.rsplit_once('.').unwrap().1 {
                "js" => "text/javascript; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                _ => "image/svg+xml",
            };
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{file}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{file}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{file}");
        }
    }
}

#[tokio::test]
async fn nothing_but_the_files_of_the_pages_is_served() {
    let world = World::new().await;
    for path in
        ["/assets/Cargo.toml", "/assets/..%2Fdesktop%2Findex.html", "/desktop/index.html", "/assets/%2e%2e"]
    {
        assert_eq!(world.get(path).status().await, 404, "{path}");
    }
    for (path, target) in [
        ("/desktop", "desktop/"),
        ("/wallboard", "wallboard/"),
        ("/admin", "admin/"),
        // What was clicked stays on the way.
        ("/dial?u=tel%3A%2B49305550001", "dial/?u=tel%3A%2B49305550001"),
    ] {
        let short = world.get(path).send().await;
        assert_eq!((short.status, short.header("location")), (308, Some(target)));
    }
}
