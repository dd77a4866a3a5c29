//! The database goes away for a while.

use crate::import::example::{Example, bring, everything};
use crate::testing;

#[tokio::test]
async fn im_06_an_import_whose_database_goes_away_says_so_and_leaves_the_old_state_and_the_next_one_works() {
    let Some(mut server) = testing::server().await else { return };
    let place = server.place().clone();
    Example::new().bring(&place).await.unwrap();
    let old = everything(&place).await;
    let next = Example::new().with("PersRelEleve", "Solène", "Soizic").dated("20260916");
    let folder = next.folder();
    let mut failed = 0;
    for polls in [5_u32, 20, 80, 160] {
        let paths = [folder.path()];
        let mut importing = Box::pin(bring(&place, &paths, "14"));
        let mut left = polls;
        let brought = std::future::poll_fn(|context| {
            left = left.saturating_sub(1);
            if left == 1 {
                server.stop();
            }
            importing.as_mut().poll(context)
        })
        .await;
        if left > 1 {
            // It ended before its database did.
            brought.unwrap();
            break;
        }
        server.start();
        let error = brought.unwrap_err().to_string();
        assert!(error.contains("database") || error.contains("opening"), "after {polls} steps: {error}");
        assert_eq!(everything(&place).await, old, "after {polls} steps");
        failed += 1;
    }
    assert!(failed > 1, "{failed}");
    if failed == 4 {
        assert!(next.bring(&place).await.unwrap().run.is_some());
    }
    assert!(everything(&place).await.contains("Soizic"));
}
