use anyhow::Result;
pub async fn measure(_options: crate::options::Measure) -> Result<()> {
    anyhow::bail!("x")
}
