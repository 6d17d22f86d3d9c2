//! A headless Chromium, spoken to by WebDriver through curl: no more than loading pages and asking them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);

/// A browser with one tab; gone when dropped.
pub(super) struct Browser {
    driver: Child,
    address: String,
    session: String,
}

impl Browser {
    /// Starts one.
    pub(super) fn start() -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver, of Debian's package chromium-driver")?;
        let mut browser = Self {
            driver,
            address: format!("http://127.0.0.1:{port}"),
            session: String::new(),
        };
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--lang=en",
            "--window-size=1300,900",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": flags}}}});
        let began = Instant::now();
        loop {
            match browser.ask("/session", &wanted) {
                Ok(made) => {
                    made["sessionId"]
                        .as_str()
                        .context("no session")?
                        .clone_into(&mut browser.session);
                    return Ok(browser);
                }
                Err(error) if began.elapsed() > DEADLINE => return Err(error),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Goes to an address.
    pub(super) fn go(&self, url: &str) -> anyhow::Result<()> {
        self.command("url", &json!({ "url": url })).map(drop)
    }

    /// Loads the page anew.
    pub(super) fn reload(&self) -> anyhow::Result<()> {
        self.command("refresh", &json!({})).map(drop)
    }

    /// Runs a script in every page from now on, before the page's own.
    pub(super) fn before_pages(&self, script: &str) -> anyhow::Result<()> {
        let command = json!({"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}});
        self.command("goog/cdp/execute", &command).map(drop)
    }

    /// Asks the page until it gives something.
    pub(super) fn until(&self, script: &str) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            let said = self.command("execute/sync", &json!({"script": script, "args": []}))?;
            if !said.is_null() {
                return Ok(said);
            }
            if began.elapsed() > DEADLINE {
                bail!("the page never had {script}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn command(&self, name: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(&format!("/session/{}/{name}", self.session), body)
    }

    fn ask(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "150", "-H", "Content-Type: application/json", "-d"]);
        let output = curl
            .arg(body.to_string())
            .arg(format!("{}{path}", self.address))
            .output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        if answer["value"]["error"].is_string() {
            bail!("{path}: {}", answer["value"]["message"]);
        }
        Ok(answer["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let end = format!("{}/session/{}", self.address, self.session);
            drop(
                Command::new("curl")
                    .args(["-sS", "-m", "10", "-o", "/dev/null", "-X", "DELETE", &end])
                    .status(),
            );
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
