/* The search box of a Picker: asks while typing, adds with a click or Enter, removes with ×. */
(function () {
    'use strict';

    function row(name, item) {
        const li = document.createElement('li');
        const input = Object.assign(document.createElement('input'), { type: 'hidden', name, value: item.id });
        const label = Object.assign(document.createElement('span'), { textContent: item.label });
        const button = Object.assign(document.createElement('button'), { type: 'button', textContent: '×' });
        button.dataset.pickerRemove = '';
        button.setAttribute('aria-label', '移除 ' + item.label);
        li.append(input, label, button);
        return li;
    }

    function start(picker) {
        if (picker.dataset.ready) return;
        picker.dataset.ready = '1';
        const search = picker.querySelector('[data-picker-search]');
        const chosen = picker.querySelector('[data-picker-chosen]');
        const found = picker.querySelector('[data-picker-found]');
        let asked = 0;

        function show(open) {
            found.hidden = !open;
            search.setAttribute('aria-expanded', String(open));
        }

        function add(item) {
            const has = [...chosen.querySelectorAll('input')].some((input) => input.value === String(item.id));
            if (!has) chosen.append(row(picker.dataset.name, item));
            search.value = '';
            show(false);
            search.focus();
            chosen.dispatchEvent(new Event('change', { bubbles: true }));
        }

        function fill(items) {
            found.replaceChildren(...items.map((item) => {
                const li = document.createElement('li');
                const button = document.createElement('button');
                const hint = Object.assign(document.createElement('small'), { textContent: item.hint || '' });
                button.type = 'button';
                button.append(item.label, ' ', hint);
                button.addEventListener('click', () => add(item));
                li.setAttribute('role', 'option');
                li.append(button);
                return li;
            }));
            if (!items.length) found.append(Object.assign(document.createElement('li'), { textContent: '没有找到' }));
            show(true);
        }

        search.addEventListener('input', async () => {
            const mine = ++asked;
            const text = search.value.trim();
            if (!text) return show(false);
            await new Promise((resolve) => { setTimeout(resolve, 180); });
            if (mine !== asked) return undefined;
            const answer = await fetch(picker.dataset.url + '?q=' + encodeURIComponent(text), { credentials: 'same-origin' });
            if (mine === asked && answer.ok) fill((await answer.json()).items);
            return undefined;
        });
        search.addEventListener('keydown', (event) => {
            if (event.key === 'Escape') show(false);
            if (event.key !== 'Enter') return;
            event.preventDefault();
            const first = found.hidden ? null : found.querySelector('button');
            if (first) first.click();
        });
        picker.addEventListener('click', (event) => {
            if (!event.target.matches('[data-picker-remove]')) return;
            event.target.closest('li').remove();
            chosen.dispatchEvent(new Event('change', { bubbles: true }));
        });
    }

    function scan() { document.querySelectorAll('[data-picker]').forEach(start); }
    document.addEventListener('DOMContentLoaded', scan);
    document.addEventListener('w-formset:added', () => setTimeout(scan));
    if (document.readyState !== 'loading') scan();
})();
