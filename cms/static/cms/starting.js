// Starts what Wagtail would start by scripts inside its markup (cms/inline.py): one <template> a thing, with the name of its
// maker and what that is given. Stimulus sees those too that come later, in a new part of a list or in a dialog.

const MAKER = /^(init(Date|Time|DateTime)Chooser|createTaskChooser|InlinePanel|MultipleChooserPanel|\w*Chooser)$/;

class Start extends window.StimulusModule.Controller {
  static values = { by: String, given: Array };

  connect() {
    const { byValue: name, givenValue: given } = this;
    this.element.remove(); // once: a part that is moved comes here again
    if (!MAKER.test(name)) throw new Error(`Nothing is started by ${name}`);
    if (/^[a-z]/.test(name)) window[name](...given);
    else new window[name](...given);
  }
}

window.wagtail.app.register("wl-start", Start);
