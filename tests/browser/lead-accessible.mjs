// axe finds nothing on the pages of supervisors and administrators: their sections, dialogs and messages; in three
// languages, light and dark, wide and as narrow as a telephone.

import { ask, assert, gone, inChromium, play, profile } from "./common.mjs";
import { LOOKS, accessible, open, picture } from "./lead.mjs";

await inChromium(async (browser) => {
  await ask("PUT", "/v1/contacts/1001", { name: "Erika Lindqvist", company: "Nordlicht Optik", numbers: ["+49305550001"], fields: { tier: "gold" } });
  await play("C dials Q2; G rings; G answers; see answered G; C2 dials Q2; see queued");
  for (const { name, ...look } of LOOKS) {
    // Trusted types keep axe out as they keep everybody out: it is run beside the page's policy.
    const context = await profile(browser, { ...look, bypassCSP: true });
    const wallboard = await open(context, "/wallboard/");
    await wallboard.locator('hs-calls li[data-state="queued"]').waitFor();
    await wallboard.locator("hs-agents .tile").first().waitFor();
    await accessible(wallboard, `${name}, wallboard`);
    if (name === "light") await picture(wallboard, "wallboard");
    const dialogs = [
      ['hs-calls li[data-state="connected"] button', "hs-call-panel [data-decision]"],
      ['hs-agents li[data-agent="gina"] button', "hs-agent-panel #available"],
      [".bar button:not(.push *)", "hs-thresholds input"],
    ];
    for (const [opens, shows] of dialogs) {
      await wallboard.locator(opens).first().click();
      await wallboard.locator(shows).first().waitFor();
      await accessible(wallboard, `${name}, ${shows}`);
      await wallboard.keyboard.press("Escape");
      await gone(wallboard.locator(shows));
    }
    await wallboard.keyboard.press("w");
    await wallboard.locator("hs-queues[plain]").waitFor();
    await accessible(wallboard, `${name}, wall`);
    assert.deepEqual(wallboard.complaints, []);

    const admin = await open(context, "/admin/");
    await admin.locator("hs-overview tr[data-link]").waitFor();
    await accessible(admin, `${name}, overview`);
    const sections = [
      ["configuration", "tr[data-version]"],
      ["explain", "form"],
      ["what-if", "form"],
      ["webhooks", "tr[data-delivery]"],
      ["contacts", "tr[data-contact]"],
    ];
    for (const [section, shows] of sections) {
      await admin.locator(`nav a[href="#${section}"]`).click();
      await admin.locator(`hs-${section} ${shows}`).first().waitFor();
      if (section === "explain") {
        await admin.locator('hs-explain input[name="dnis"]').fill("5013");
        await admin.locator("hs-explain button.main").click();
        await admin.locator("hs-explain [data-after]").first().waitFor();
      }
      await accessible(admin, `${name}, ${section}`);
    }
    assert.deepEqual(admin.complaints, []);
    await context.close();
  }
});
