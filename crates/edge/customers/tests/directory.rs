//! The embedded directory: the same in memory and on disk.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_customers::{Asked, Contact, Customers, Directory, DirectoryError, Mapping, Put, Search};
use hookswitch_wire::template::{Numbers, PlainNumbers};

/// Germany, as far as these tests go.
#[derive(Debug)]
struct Germany;

impl Numbers for Germany {
    fn e164(&self, raw: &str) -> Option<String> {
        let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
        match digits.strip_prefix('0') {
            _ if raw.starts_with('+') => Some(format!("+{digits}")),
            Some(national) => Some(format!("+49{national}")),
            None => None,
        }
    }

    fn national(&self, raw: &str) -> String {
        raw.replace("+49", "0")
    }
}

fn germany() -> Arc<dyn Numbers> {
    Arc::new(Germany)
}

fn contact(id: &str, numbers: &[&str]) -> Contact {
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    Contact { id: id.into(), name: Some(format!("Name {id}")), numbers, ..Contact::default() }
}

/// Runs on both.
fn on_both(check: impl Fn(Directory)) {
    check(Directory::in_memory(germany()));
    let folder = tempfile::tempdir().expect("a folder");
    check(Directory::open(folder.path(), germany(), "DE").expect("a new directory"));
}

fn ids_of(directory: &Directory, number: &str) -> Vec<String> {
    let search = Search { number: Some(number.to_owned()), ..Search::default() };
    directory.page(&search).expect("a page").items.into_iter().map(|contact| contact.id).collect()
}

#[test]
fn a_contact_is_found_by_each_of_its_numbers_however_they_are_written() {
    on_both(|directory| {
        directory.put(&contact("a", &["+49 30 5550001", "0171/1234567", "4001"])).unwrap();
        for number in ["030 5550001", "+49305550001", "0171 1234567", "4001"] {
            assert_eq!(ids_of(&directory, number), ["a"], "{number}");
        }
        for stranger in ["030 5550002", "5550001", "400", "40011", "", "alice"] {
            assert!(ids_of(&directory, stranger).is_empty(), "{stranger}");
        }
    });
}

#[test]
fn a_changed_contact_is_found_by_its_new_numbers_only() {
    on_both(|directory| {
        assert_eq!(directory.put(&contact("a", &["0301", "0302"])).unwrap(), Put::Created);
        assert_eq!(directory.put(&contact("a", &["0301", "0302"])).unwrap(), Put::Unchanged);
        assert_eq!(directory.put(&contact("a", &["0302", "0303"])).unwrap(), Put::Changed);
        assert_eq!(["0301", "0302", "0303"].map(|n| ids_of(&directory, n).len()), [0, 1, 1]);
        assert!(directory.remove("a").unwrap() && !directory.remove("a").unwrap());
        assert!(ids_of(&directory, "0303").is_empty() && directory.is_empty());
    });
}

#[test]
fn of_one_batch_the_last_contact_with_an_id_counts() {
    on_both(|directory| {
        let both = [contact("a", &["0301"]), contact("a", &["0302"]), contact("b", &["0302"])];
        assert_eq!(directory.put_all(&both).unwrap(), [Put::Created, Put::Changed, Put::Created]);
        assert_eq!(
            (ids_of(&directory, "0301").len(), ids_of(&directory, "0302")),
            (0, vec!["a".into(), "b".into()])
        );
        assert_eq!(*directory.count().borrow(), 2);
    });
}

#[test]
fn pages_lead_through_all_contacts_once() {
    on_both(|directory| {
        let all: Vec<_> = (0..25).map(|n| contact(&format!("{n:02}"), &[&format!("030{n:04}")])).collect();
        directory.put_all(&all).unwrap();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = directory.page(&Search { after, limit: 10, ..Search::default() }).unwrap();
            assert!(page.items.len() <= 10);
            seen.extend(page.items.into_iter().map(|contact| contact.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..25).map(|n| format!("{n:02}")).collect::<Vec<_>>());
        let found = directory.page(&Search { text: Some("NAME 07".into()), ..Search::default() }).unwrap();
        assert_eq!((found.items.len(), found.next), (1, None));
    });
}

#[test]
fn what_was_confirmed_is_there_after_a_restart_and_its_loss_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Directory::open(folder.path(), germany(), "DE");
    let directory = open().unwrap();
    directory.put(&contact("a", &["0301"])).unwrap();
    assert!(matches!(open(), Err(DirectoryError::InUse(_))));
    drop(directory);
    let directory = open().unwrap();
    assert_eq!((ids_of(&directory, "0301"), *directory.count().borrow()), (vec!["a".to_owned()], 1));
    drop(directory);
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    let error = open().unwrap_err();
    assert!(matches!(error, DirectoryError::Behind { found: 0, .. }), "{error}");
}

#[test]
fn another_country_makes_the_index_anew() {
    let folder = tempfile::tempdir().unwrap();
    let plain: Arc<dyn Numbers> = Arc::new(PlainNumbers);
    let directory = Directory::open(folder.path(), plain, "").unwrap();
    directory.put(&contact("a", &["0305550001"])).unwrap();
    assert!(ids_of(&directory, "+49305550001").is_empty());
    drop(directory);
    let directory = Directory::open(folder.path(), germany(), "DE").unwrap();
    assert_eq!(ids_of(&directory, "+49305550001"), ["a"]);
    directory.remove("a").unwrap();
    assert!(ids_of(&directory, "0305550001").is_empty());
}

#[test]
fn contacts_that_cannot_be_taken_are_refused_with_a_hint() {
    let directory = Directory::in_memory(germany());
    let good = contact("a", &["0301"]);
    let field = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    for bad in [
        Contact { id: String::new(), ..good.clone() },
        Contact { id: "a\nb".into(), ..good.clone() },
        Contact { id: "x".repeat(129), ..good.clone() },
        Contact { name: None, ..good.clone() },
        Contact { name: Some(" ".into()), ..good.clone() },
        Contact { numbers: vec!["none".into()], ..good.clone() },
        Contact { numbers: vec!["1".into(); 33], ..good.clone() },
        Contact { fields: field("score", "1"), ..good.clone() },
        Contact { fields: field("note", &"x".repeat(2_000)), ..good.clone() },
        Contact { url: Some("javascript:alert(1)".into()), ..good.clone() },
        Contact { url: Some("//crm/x".into()), ..good.clone() },
    ] {
        let Err(DirectoryError::Contact(problem)) = directory.put(&bad) else { panic!("taken: {bad:?}") };
        assert!(!problem.hint.is_empty());
    }
    assert!(directory.is_empty());
}

#[test]
fn a_file_is_imported_and_again_without_a_change() {
    on_both(|directory| {
        let file = "\u{feff}Id;Name;Firma;Telefon;Mobile Private;Tier;Owner;Link\r\n\
            1;\"Muster; Erika\";Acme;030 5550001;0171 1;gold;alice;https://crm.example/1\r\n\
            2;Otto;Acme;030 5550001 | 030 5550002;;;;\r\n";
        let report = directory.import(file.as_bytes(), &Mapping::new()).unwrap();
        assert_eq!((report.read, report.created, report.refused), (2, 2, 0), "{:?}", report.problems);
        let erika = directory.get("1").unwrap().unwrap();
        assert_eq!(erika.name.as_deref(), Some("Muster; Erika"));
        assert_eq!(
            (erika.numbers.len(), erika.fields["tier"].as_str(), erika.agent.as_deref()),
            (2, "gold", Some("alice"))
        );
        assert_eq!(ids_of(&directory, "+49305550001"), ["1", "2"]);
        let again = directory.import(file.as_bytes(), &Mapping::new()).unwrap();
        assert_eq!((again.created, again.changed, again.unchanged), (0, 0, 2));
    });
}

#[test]
fn bad_lines_are_told_by_their_number_and_the_rest_is_taken() {
    let directory = Directory::in_memory(germany());
    let file = b"id,name,number\n1,Erika,0301\n2,,0302\n3,\"Two\nlines\",x\n4,Otto,none\n5,\xff\xfe,0305\n6,Ida,0306\n7,Kim\n";
    let report = directory.import(&file[..], &Mapping::new()).unwrap();
    let lines: Vec<u64> = report.problems.iter().map(|problem| problem.line).collect();
    assert_eq!((report.created, report.refused, lines), (2, 5, vec![3, 4, 6, 7, 9]), "{:?}", report.problems);
}

#[test]
fn columns_are_mapped_and_an_id_is_made_where_there_is_none() {
    let directory = Directory::in_memory(germany());
    let mapping = Mapping::from([
        ("Kunde".into(), "name".into()),
        ("Ruf".into(), "number".into()),
        ("Notiz".into(), "ignore".into()),
    ]);
    let file = "Kunde,Ruf,Notiz,Segment\nErika,0301,secret,a\nOtto,0301,secret,b\n";
    for created in [2, 0] {
        assert_eq!(directory.import(file.as_bytes(), &mapping).unwrap().created, created);
    }
    let found = directory.page(&Search { number: Some("0301".into()), ..Search::default() }).unwrap().items;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|contact| contact.fields.keys().eq(["segment"])));
    for headless in ["", "a,b\n1,2\n", "name\nErika\n", "number\n0301\n"] {
        let report = directory.import(headless.as_bytes(), &Mapping::new()).unwrap();
        assert_eq!(
            (report.created, report.problems.len(), report.problems[0].line),
            (0, 1, 1),
            "{headless:?}"
        );
    }
}

#[test]
fn a_large_file_goes_through_in_batches() {
    on_both(|directory| {
        let mut file = "id,name,number\n".to_owned();
        for n in 0..1_234 {
            file.push_str(&format!("{n},Name {n},030 555{n:04}\n"));
        }
        assert_eq!(directory.import(file.as_bytes(), &Mapping::new()).unwrap().created, 1_234);
        assert_eq!(ids_of(&directory, "0305550777"), ["777"]);
    });
}

#[tokio::test]
async fn a_display_shows_who_is_known_and_the_company_of_a_shared_line() {
    let directory = Directory::in_memory(germany());
    let customers = Customers::new(germany(), directory.clone());
    let name = async |number: &str| {
        let told = customers.who(&Asked::number(number, Germany.e164(number).as_deref())).await;
        Customers::display(&told.customer)
    };
    assert_eq!(name("0301").await, None);
    directory.put(&contact("a", &["0301"])).unwrap();
    assert_eq!(name("0301").await.as_deref(), Some("Name a"));
    directory.put(&contact("b", &["0301"])).unwrap();
    assert_eq!(name("0301").await, None, "one of two names would be a guess");
    for id in ["a", "b"] {
        directory.put(&Contact { company: Some("Acme".into()), ..contact(id, &["0301"]) }).unwrap();
    }
    assert_eq!(name("0301").await.as_deref(), Some("Acme"));
}
