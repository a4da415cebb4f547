//! The daemon on real PBXs, where a row of the table of stories cannot say it.

mod cuts;
mod death;
mod disk;
mod links;
mod office;
mod operator;
mod readers;
mod replay;
mod terminal;

use hookswitch_tests::asterisk::Version;

/// Runs a test on both versions, unless real PBXs are left out by choice.
macro_rules! on_both_versions {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test]
            async fn on_asterisk_22() -> anyhow::Result<()> {
                if hookswitch_tests::asterisk::skipped() { return Ok(()) }
                super::$name(crate::Version::V22).await
            }

            #[tokio::test]
            async fn on_asterisk_16() -> anyhow::Result<()> {
                if hookswitch_tests::asterisk::skipped() { return Ok(()) }
                super::$name(crate::Version::V16).await
            }
        }
    )* };
}
pub(crate) use on_both_versions;
