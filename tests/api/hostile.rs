//! A fixed, endless sequence of requests that nobody should send.

use hookswitch_tests::daemon::ADMIN;

/// In every hostile text: nothing that holds it may reach a PBX.
pub(crate) const MARK: &str = "hx7evil";

/// What people try.
pub(crate) const TEXTS: [&str; 24] = [
    "hx7evil\r\nAction: Originate\r\nChannel: Local/1@hx7evil\r\nApplication: System\r\nData: hx7evil\r\n\r\n",
    "1001\r\nAction: Command\r\nCommand: hx7evil",
    "hx7evil,1,System(hx7evil)",
    "1001&PJSIP/hx7evil",
    "1001|hx7evil",
    "${SHELL(hx7evil)}",
    "$[hx7evil]",
    "Local/hx7evil@from-internal",
    "PJSIP/hx7evil@trunk",
    "1001@hx7evil",
    "+49305550001;hx7evil",
    "+4930555\u{0}hx7evil",
    "hx7evil\u{85}x\u{2028}y",
    "tel:+49hx7evil;phone-context=+49\r\n",
    "%0d%0aAction:%20hx7evil",
    "\\\\r\\\\n hx7evil",
    "'; DROP TABLE hx7evil; --",
    "<script>hx7evil</script>",
    "{{ hx7evil }}",
    "../../../../hx7evil",
    "hx7evil\u{202e}",
    "\u{1b}[2Jhx7evil",
    "*21*hx7evil#",
    "9011hx7evil",
];

/// Bodies with a place for a text.
const BODIES: [(&str, &str, &str); 25] = [
    ("POST", "/v1/calls", r#"{"agent":"alice","to":"@","data":{"k":"v"}}"#),
    ("POST", "/v1/calls", r#"{"agent":"@","to":"1002"}"#),
    ("POST", "/v1/calls", r#"{"agent":"alice","to":"nobody","data":{"@":"v"}}"#),
    ("POST", "/v1/calls/CALL/answer", r#"{"agent":"@"}"#),
    ("POST", "/v1/calls/CALL/hangup", r#"{"agent":"@"}"#),
    ("POST", "/v1/calls/CALL/hold", r#"{"agent":"@"}"#),
    ("POST", "/v1/calls/CALL/dtmf", r#"{"agent":"alice","digits":"@"}"#),
    ("POST", "/v1/calls/CALL/transfer", r#"{"agent":"alice","to":"@"}"#),
    ("POST", "/v1/calls/CALL/consult", r#"{"agent":"alice","to":"@"}"#),
    ("POST", "/v1/calls/CALL/record", r#"{"agent":"alice","on":"@"}"#),
    ("POST", "/v1/calls/CALL/supervise", r#"{"mode":"listen","supervisor":"@"}"#),
    ("POST", "/v1/calls/CALL/supervise", r#"{"mode":"@","supervisor":"bob"}"#),
    ("POST", "/v1/calls/CALL/callback", r#"{"@":1}"#),
    ("POST", "/v1/callbacks", r#"{"queue":"support","number":"@"}"#),
    ("POST", "/v1/callbacks", r#"{"queue":"@","number":"+49305550001","at":"@"}"#),
    (
        "POST",
        "/v1/callbacks",
        r#"{"queue":"support","number":"+49305550001","at":"2099-01-01T00:00:00Z","data":{"@":"@"}}"#,
    ),
    ("GET", "/v1/callbacks?queue=@&state=@", ""),
    ("DELETE", "/v1/callbacks/@", ""),
    ("PATCH", "/v1/calls/CALL/data", r#"{"@":"v"}"#),
    ("PUT", "/v1/agents/bob/state", r#"{"state":"@"}"#),
    ("PUT", "/v1/agents/@/state", r#"{"state":"ready"}"#),
    ("PATCH", "/v1/agents/bob/skills", r#"{"@":3}"#),
    ("POST", "/v1/pops/CALL/claim", r#"{"client":"@"}"#),
    ("POST", "/v1/webhooks/@/replay", r#"{"after":"0"}"#),
    ("GET", "/v1/events?after=@&types=@&agent=@&queue=@&limit=@", ""),
];

/// A sequence of numbers that is the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    /// One request, as bytes.
    pub(crate) fn request(&mut self, call: &str) -> Vec<u8> {
        match self.roll(10) {
            0 => self.noise(),
            1 => self.split_head(call),
            2 => self.alias(),
            3 => self.misshapen(call),
            _ => self.text_in_a_field(call),
        }
    }

    /// A hostile text where a field was.
    fn text_in_a_field(&mut self, call: &str) -> Vec<u8> {
        let (method, path, body) = self.one(&BODIES);
        let text = *self.one(&TEXTS);
        let quoted = serde_json::Value::from(text).to_string();
        let body = body.replace('@', &quoted[1..quoted.len() - 1]);
        let path = path.replace("CALL", call).replace('@', &encoded(text));
        self.whole(method, &path, "application/json", body.as_bytes())
    }

    /// A body of another shape: deep, large, cut, of another type, noise.
    fn misshapen(&mut self, call: &str) -> Vec<u8> {
        let (method, path, body) = self.one(&BODIES);
        let path = path.replace("CALL", call).replace('@', "x");
        let deep = 1 + self.roll(30_000);
        let body = match self.roll(6) {
            0 => "{\"to\":".repeat(deep).into_bytes(),
            1 => format!("{{\"to\":\"{}\"}}", MARK.repeat(1 + self.roll(12_000))).into_bytes(),
            2 => body.as_bytes()[..self.roll(body.len() + 1)].to_vec(),
            3 => format!("[{}]", "0,".repeat(deep)).into_bytes(),
            4 => (0..self.roll(2_000)).map(|_| self.roll(256) as u8).collect(),
            _ => format!("{{\"{MARK}\":{{\"to\":1e999999,\"agent\":null}}}}").into_bytes(),
        };
        let media =
            *self.one(&["application/json", "text/plain", "application/x-www-form-urlencoded", "hx7evil"]);
        self.whole(method, &path, media, &body)
    }

    fn alias(&mut self) -> Vec<u8> {
        let (to, from, secret) = (*self.one(&TEXTS), *self.one(&TEXTS), *self.one(&["crm", ADMIN, MARK]));
        let form = format!("secret={secret}&from={}&to={}", encoded(from), encoded(to));
        match self.roll(3) {
            0 => self.whole("GET", &format!("/makecall?{form}"), "text/plain", b""),
            1 => self.whole("POST", "/makecall", "application/x-www-form-urlencoded", form.as_bytes()),
            _ => {
                let json = serde_json::json!({ "secret": secret, "from": "alice", "to": to }).to_string();
                self.whole("POST", "/makecall", "application/json", json.as_bytes())
            }
        }
    }

    /// A head that tries to be two.
    fn split_head(&mut self, call: &str) -> Vec<u8> {
        let second = format!("POST /v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MARK}\r\n\r\n");
        let header = match self.roll(8) {
            0 => format!("X-Request-Id: a\r\n{second}"),
            1 => "Content-Length: 5\r\nContent-Length: 50".to_owned(),
            2 => "Content-Length: 5\r\nTransfer-Encoding: chunked".to_owned(),
            3 => "Transfer-Encoding: chunked, identity".to_owned(),
            4 => "Content-Length: -1".to_owned(),
            5 => format!("Idempotency-Key: {MARK}\rAuthorization: Bearer {ADMIN}"),
            6 => format!("{}: 1", "X".repeat(1 + self.roll(70_000))),
            _ => format!("Origin: https://{MARK}.example\r\nOrigin: null"),
        };
        format!(
            "POST /v1/calls/{call}/hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n5\r\n{{\"a\":\r\n0\r\n\r\n{second}"
        )
        .into_bytes()
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.roll(600);
        let mut bytes = format!("{} /", self.one(&["GET", "POST", "PUT", "\u{0}", "DELETE"])).into_bytes();
        bytes.extend((0..length).map(|_| self.roll(256) as u8));
        bytes.extend_from_slice(b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        bytes
    }

    fn whole(&mut self, method: &str, path: &str, media: &str, body: &[u8]) -> Vec<u8> {
        let token = *self.one(&["alice", "bob", "crm", "lead", ADMIN, ADMIN, ADMIN, MARK, ""]);
        let key =
            if self.roll(4) == 0 { format!("Idempotency-Key: {}\r\n", self.roll(50)) } else { String::new() };
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{key}\
             Content-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }
}

/// Percent-encoded, every byte.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
