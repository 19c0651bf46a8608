//! Every example is planned, from a directory of its own so that nothing is written beside it.

use super::Place;

#[test]
fn every_example_is_planned() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut planned = 0;
    for entry in std::fs::read_dir(examples).expect("the examples").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        let place = Place::new();
        for file in std::fs::read_dir(entry.path()).expect("an example").flatten().filter(|file| file.path().is_file())
        {
            let content = std::fs::read(file.path()).expect("a file");
            place.write(&file.file_name().to_string_lossy(), content);
        }
        place.write(".ssh/deploy_ed25519", "not a key: plan only fingerprints it");
        let ran = super::Ran::of(
            place.command("plan -detailed-exitcode").env("TSIG_SECRET", "c2VjcmV0").output().expect("cap runs"),
        );
        assert_eq!(ran.code, 2, "{name}\n{}{}", ran.out, ran.err);
        ran.says(" 0 to change, 0 to destroy.");
        planned += 1;
    }
    assert!(planned >= 5);
}
