use super::*;

fn info(inside: &str) -> Result<DialogInfo, Unreadable> {
    let document = format!(
        "<dialog-info version=\"7\" state=\"partial\" entity=\"sip:1001@pbx\">{inside}</dialog-info>"
    );
    DialogInfo::parse(document.as_bytes())
}

#[test]
fn what_asterisk_22_tells_of_a_ringing_phone_is_read() {
    let body = br#"<?xml version="1.0" encoding="UTF-8"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:1001@127.0.0.1:25060">
 <dialog id="1001" direction="recipient">
  <remote>
   <identity display="Agent 1002">sip:1002@127.0.0.1</identity>
   <target uri="sip:1002@127.0.0.1" />
  </remote>
  <local>
   <identity display="Agent 1001">sip:1001@127.0.0.1</identity>
   <target uri="sip:1001@127.0.0.1:25060" />
  </local>
  <state>early</state>
 </dialog>
</dialog-info>
"#;
    let info = DialogInfo::parse(body).unwrap();
    assert_eq!((info.version, info.full, info.dialogs.len()), (1, true, 1));
    let dialog = &info.dialogs[0];
    assert_eq!(
        (&*dialog.id, dialog.direction, dialog.state),
        ("1001", Some(Direction::Recipient), State::Early)
    );
    assert_eq!(
        (dialog.remote.user().as_deref(), dialog.remote.display.as_deref()),
        (Some("1002"), Some("Agent 1002"))
    );
    assert_eq!((dialog.local.user().as_deref(), dialog.local.holds), (Some("1001"), false));
}

#[test]
fn the_example_of_rfc_4235_with_prefixes_reasons_and_hold_is_read() {
    let body = br#"<d:dialog-info xmlns:d="urn:ietf:params:xml:ns:dialog-info" version="3" state="partial" entity="sip:a@b">
      <d:dialog id="as7d900as8" call-id="a84b4c76e66710" local-tag="1928301774" direction="initiator">
        <d:state event="rejected" code="486">terminated</d:state><d:duration>274</d:duration></d:dialog>
      <d:dialog id="2"><d:state>confirmed</d:state>
        <d:local><d:target uri="sip:a@b"><d:param pname="+sip.rendering" pval="no"/></d:target></d:local>
        <d:remote><d:target uri="sip:t&#101;rry@b"/></d:remote></d:dialog></d:dialog-info>"#;
    let info = DialogInfo::parse(body).unwrap();
    assert!(!info.full);
    let [ended, held] = &info.dialogs[..] else { panic!("{info:?}") };
    assert_eq!((ended.state, ended.why, ended.code), (State::Terminated, Some(Why::Rejected), Some(486)));
    assert!(held.local.holds && !held.remote.holds);
    assert_eq!(held.remote.user().as_deref(), Some("terry"));
}

#[test]
fn what_asterisk_calls_pvalue_is_a_hold() {
    let body = "<dialog id='1'><state>confirmed</state><local><target uri='sip:1@b'>\
                <param pname='+sip.rendering' pvalue='no'/></target></local></dialog>";
    assert!(info(body).unwrap().dialogs[0].local.holds);
}

#[test]
fn a_name_is_text_and_nothing_else() {
    let inside = "<dialog id='1'><state>early</state><remote><identity display='&lt;b&gt; &amp; &quot;x&quot;'>\
                  sip:1@b</identity></remote></dialog>";
    assert_eq!(info(inside).unwrap().dialogs[0].remote.display.as_deref(), Some("<b> & \"x\""));
}

#[test]
fn what_is_no_dialog_info_is_refused_by_its_reason() {
    let long = "x".repeat(2_000);
    let deep = "<a>".repeat(40);
    let many = "<dialog id='1'><state>early</state></dialog>".repeat(200);
    let refused: [(&str, Unreadable); 14] = [
        ("", Unreadable::NotDialogInfo),
        ("sip", Unreadable::Xml),
        ("<presence/>", Unreadable::NotDialogInfo),
        ("<dialog-info state='full'/>", Unreadable::Version),
        ("<dialog-info version='-1'/>", Unreadable::Version),
        ("<dialog-info version='99999999999'/>", Unreadable::Version),
        ("<dialog-info version='1'>", Unreadable::Xml),
        ("<dialog-info version='1'></dialog>", Unreadable::Xml),
        ("<dialog-info version='1'/><dialog-info version='2'/>", Unreadable::NotDialogInfo),
        ("<dialog-info version='1'><dialog><state>early</state></dialog></dialog-info>", Unreadable::Dialog),
        ("<dialog-info version='1'><dialog id='1'></dialog></dialog-info>", Unreadable::Dialog),
        (
            "<dialog-info version='1'><dialog id='1'><state>gone</state></dialog></dialog-info>",
            Unreadable::Dialog,
        ),
        ("<!DOCTYPE x [<!ENTITY a 'aaaa'>]><dialog-info version='1'/>", Unreadable::DocumentType),
        (
            "<dialog-info version='1'><dialog id='1'><state>&lol;</state></dialog></dialog-info>",
            Unreadable::Xml,
        ),
    ];
    for (body, why) in refused {
        assert_eq!(DialogInfo::parse(body.as_bytes()), Err(why), "{body}");
    }
    assert_eq!(info(&format!("<dialog id='{long}'/>")), Err(Unreadable::TooLarge));
    assert_eq!(info(&deep), Err(Unreadable::TooLarge));
    assert_eq!(info(&many), Err(Unreadable::TooLarge));
    assert_eq!(DialogInfo::parse(&[b' '; 70_000]), Err(Unreadable::TooLarge));
    assert_eq!(DialogInfo::parse(b"<dialog-info version='1' entity='\xff'/>"), Err(Unreadable::Xml));
}

#[test]
fn what_is_not_known_is_skipped() {
    let inside = "<!-- x --><?pi?><x:note xmlns:x='y'>text<dialog id='9'><state>early</state></dialog></x:note>\
                  <dialog id='1'><state>early</state><replaces call-id='c'/><local><x><identity>sip:9@b</identity></x></local></dialog>";
    let info = info(inside).unwrap();
    assert_eq!(info.dialogs.len(), 1);
    assert_eq!(info.dialogs[0].local, Party::default());
}
