//! The web console's files, and what may not be had by their paths.

use std::fs;
use std::path::Path;

use gateway_grpcweb::{Backend, Gateway, LoadError, Options};
use tempfile::TempDir;

use crate::vault::{self, gateway};
use crate::{send, text};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const PAGE: &str = "<!doctype html><title>Console</title>";
const SCRIPT: &str = "console.log('äöü')";

/// A built console beside a file that is none of it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file("secret.txt", "secret");
    file("dist/index.html", PAGE);
    file("dist/favicon.svg", "<svg/>");
    file("dist/.env", "secret");
    file("dist/assets/index-4f3a.js", SCRIPT);
    file("dist/assets/index-4f3a.js.br", "packed by brotli");
    file("dist/assets/index-4f3a.js.gz", "packed by gzip");
    file("dist/assets/Größe-1.css", "body {}");
    folder
}

fn served(folder: &Path) -> Gateway {
    gateway(|options| options.console = Some(folder.join("dist")))
}

#[tokio::test]
async fn every_page_of_a_browser_is_the_consoles() {
    let folder = folder();
    let gateway = served(folder.path());
    for path in
        ["/", "/index.html", "/t/acme/crm/accounts", "/t/acme/crm/accounts/0192?tab=history", "/a.b/c"]
    {
        let (status, headers, body) = send(&gateway, "GET", path, &[BROWSER], "").await;
        assert_eq!((status.as_u16(), &*body), (200, PAGE.as_bytes()), "{path}");
        assert_eq!(text(&headers, "content-type"), "text/html; charset=utf-8");
        assert_eq!(text(&headers, "cache-control"), "no-cache");
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
        assert_eq!(text(&headers, "referrer-policy"), "no-referrer");
        let policy = text(&headers, "content-security-policy");
        assert!(policy.contains("default-src 'self'; script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");

        let etag = text(&headers, "etag");
        let (status, _, body) = send(&gateway, "GET", path, &[BROWSER, ("if-none-match", etag)], "").await;
        assert_eq!((status.as_u16(), body.len()), (304, 0));
        let (status, _, body) = send(&gateway, "HEAD", path, &[BROWSER], "").await;
        assert_eq!((status.as_u16(), body.len()), (200, 0));
    }
}

#[tokio::test]
async fn what_is_no_page_is_not_answered_by_one() {
    let folder = folder();
    let gateway = served(folder.path());
    for (method, path, accept, expected) in [
        // Programs learn that there is nothing.
        ("GET", "/t/acme", "*/*", 404),
        ("GET", "/t/acme", "application/json", 404),
        ("GET", "/t/acme", "text/html;q=0, */*", 404),
        ("POST", "/t/acme", "text/html", 404),
        // Assets are there or not, also for a browser that goes to them.
        ("GET", "/assets/index-0000.js", "*/*", 404),
        ("GET", "/assets/index-0000.js", "text/html", 404),
        // The contracts and the gateway keep their paths, and what nearly is one of theirs.
        ("GET", "/v1/boxes/1", "text/html", 406),
        ("GET", "/v1/nothing", "text/html", 404),
        ("GET", "/openapi.json", "text/html", 200),
        ("GET", "/health", "text/html", 200),
    ] {
        let (status, headers, body) = send(&gateway, method, path, &[("accept", accept)], "{}").await;
        let body = String::from_utf8_lossy(&body);
        assert_eq!(status.as_u16(), expected, "{method} {path} {accept}: {body}");
        assert!(text(&headers, "content-type").contains("json"), "{path}: {headers:?}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_come_packed() {
    let folder = folder();
    let gateway = served(folder.path());
    let path = "/assets/index-4f3a.js";
    for (accepted, coding, body) in [
        ("gzip, deflate, br, zstd", "br", "packed by brotli"),
        ("gzip", "gzip", "packed by gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip", "packed by gzip"),
        ("br;q=0", "", SCRIPT),
        ("", "", SCRIPT),
    ] {
        let (status, headers, got) = send(&gateway, "GET", path, &[("accept-encoding", accepted)], "").await;
        assert_eq!((status.as_u16(), &*got), (200, body.as_bytes()), "{accepted}");
        assert_eq!(text(&headers, "content-encoding"), coding, "{accepted}");
        assert_eq!(text(&headers, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(text(&headers, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        assert_eq!(vary.iter().filter(|value| **value == "accept-encoding").count(), 1, "{vary:?}");
    }
    // A name that is no ASCII is decoded; a packed neighbour is no file of its own.
    let (status, ..) = send(&gateway, "GET", "/assets/Gr%C3%B6%C3%9Fe-1.css", &[], "").await;
    assert_eq!(status, 200);
    let (status, ..) = send(&gateway, "GET", "/assets/index-4f3a.js.br", &[], "").await;
    assert_eq!(status, 404);
    let (status, headers, _) = send(&gateway, "GET", "/favicon.svg", &[], "").await;
    assert_eq!((status.as_u16(), text(&headers, "cache-control")), (200, "no-cache"));
}

#[tokio::test]
async fn nothing_outside_of_the_folder_can_be_had() {
    let folder = folder();
    let dist = folder.path().join("dist");
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, dist.join(name)).unwrap();
    link(&folder.path().join("secret.txt"), "assets/link.txt");
    link(Path::new("../../secret.txt"), "assets/relative.txt");
    link(folder.path(), "assets/above");
    link(Path::new("/nowhere"), "assets/broken.txt");
    link(&dist.join("favicon.svg"), "icon.svg");
    let gateway = served(folder.path());
    let absolute = folder.path().join("secret.txt");
    let absolute = absolute.to_str().unwrap();
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/assets/link.txt",
        "/assets/relative.txt",
        "/assets/above/secret.txt",
        "/assets/broken.txt",
        "/.env",
        "/assets/",
        "/%00",
        "/%ff",
        format!("/{absolute}").as_str(),
        absolute.replace('/', "%2f").as_str(),
    ] {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let (status, _, body) = send(&gateway, "GET", &path, &[], "").await;
        let body = String::from_utf8_lossy(&body);
        assert!(matches!(status.as_u16(), 400 | 404) && !body.contains("secret"), "{path}: {status} {body}");
    }
    // A link within the folder is one of its files.
    let (status, _, body) = send(&gateway, "GET", "/icon.svg", &[], "").await;
    assert_eq!((status.as_u16(), &*body), (200, &b"<svg/>"[..]));
}

#[tokio::test]
async fn a_console_that_is_built_anew_is_served_without_a_restart() {
    let folder = folder();
    let gateway = served(folder.path());
    let assets = folder.path().join("dist/assets");
    fs::remove_file(assets.join("index-4f3a.js")).unwrap();
    fs::write(assets.join("index-5555.js"), SCRIPT).unwrap();
    fs::write(folder.path().join("dist/index.html"), "new").unwrap();
    let renewed = async {
        while &*send(&gateway, "GET", "/", &[BROWSER], "").await.2 != b"new" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), renewed).await.unwrap();
    let (status, ..) = send(&gateway, "GET", "/assets/index-5555.js", &[], "").await;
    assert_eq!(status, 200);
    let (status, ..) = send(&gateway, "GET", "/assets/index-4f3a.js", &[], "").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_folder_without_a_page_is_refused_and_named() {
    let folder = TempDir::new().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let options = Options { console: Some(path.clone()), ..Options::default() };
        let set = vault::descriptor_set();
        let refused = Gateway::new(&set, Backend::new(vault::Vault), options).unwrap_err();
        assert!(matches!(refused, LoadError::Options(_)));
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
    }
}

#[tokio::test]
async fn without_a_folder_there_is_no_console() {
    let (status, headers, _) = send(&gateway(|_| {}), "GET", "/", &[BROWSER], "").await;
    assert_eq!((status.as_u16(), text(&headers, "content-type")), (404, "application/json"));
}
