'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const METHODS = [
    {name: 'PTQ', color: 'ptq', shape: 'triangle', shift: -0.14},
    {name: 'straight-through', color: 'ste', shape: 'rectRot', shift: 0},
    {name: 'PARQ', color: 'parq', shape: 'circle', shift: 0.14},
  ];
  const LEAST_ERROR = 0.1;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const color = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  // An accuracy as the plot places it: by its errors, of which a logarithm can be taken.
  const error = accuracy => Math.max(LEAST_ERROR, 100 - accuracy);
  const percent = (value, digits) => value.toFixed(digits) + ' %';
  let charts = [];

  function theme() {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.color = color('soft');
    Chart.defaults.borderColor = color('line');
    Chart.defaults.animation = false;
    Chart.defaults.maintainAspectRatio = false;
  }

  // ---- accuracy by bits

  const whiskers = {
    id: 'whiskers',
    beforeDatasetsDraw(chart) {
      const {ctx, scales: {x, y}} = chart;
      chart.data.datasets.forEach((set, i) => {
        if (!set.spread || !chart.isDatasetVisible(i)) {
          return;
        }
        ctx.save();
        ctx.strokeStyle = set.borderColor;
        ctx.lineWidth = 1.5;
        set.data.forEach((point, k) => {
          const at = x.getPixelForValue(point.x);
          const low = y.getPixelForValue(error(set.spread[k].mean - set.spread[k].deviation));
          const high = y.getPixelForValue(error(set.spread[k].mean + set.spread[k].deviation));
          ctx.beginPath();
          ctx.moveTo(at, low);
          ctx.lineTo(at, high);
          for (const end of [low, high]) {
            ctx.moveTo(at - 4, end);
            ctx.lineTo(at + 4, end);
          }
          ctx.stroke();
        });
        ctx.restore();
      });
    },
  };

  function means(method) {
    const series = data[method.name];
    return {
      type: 'line',
      label: method.name,
      data: series.map((s, i) => ({x: i + method.shift, y: error(s.mean)})),
      spread: series,
      borderColor: color(method.color),
      backgroundColor: color(method.color),
      pointStyle: method.shape,
      pointRadius: 5,
      pointHoverRadius: 7,
      borderWidth: 2,
    };
  }

  function seeds(method) {
    return {
      type: 'scatter',
      label: method.name + ', seeds',
      data: data[method.name].flatMap((s, i) =>
          s.seeds.map(a => ({x: i + method.shift, y: error(a)}))),
      backgroundColor: color(method.color) + '66',
      borderWidth: 0,
      pointRadius: 3,
      pointHoverRadius: 3,
    };
  }

  function baseLine() {
    const y = error(data.base.mean);
    return {
      type: 'line',
      label: 'base, fp32',
      data: [{x: -0.5, y}, {x: data.widths.length - 0.5, y}],
      borderColor: color('base'),
      backgroundColor: color('base'),
      borderDash: [6, 5],
      borderWidth: 2,
      pointRadius: 0,
      pointHitRadius: 0,
      pointStyle: 'line',
    };
  }

  function accuracyChart() {
    const all = METHODS.flatMap(m => data[m.name].flatMap(s =>
        [...s.seeds, s.mean - s.deviation, s.mean + s.deviation])).concat(data.base.mean).map(error);
    const marks = [0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 40, 60, 80, 100];
    return new Chart('accuracy', {
      data: {datasets: [...METHODS.map(means), ...METHODS.map(seeds), baseLine()]},
      options: {
        interaction: {mode: 'nearest', intersect: true},
        scales: {
          x: {
            type: 'linear',
            min: -0.5,
            max: data.widths.length - 0.5,
            grid: {display: false},
            title: {display: true, text: 'weights'},
            afterBuildTicks: axis => { axis.ticks = data.widths.map((w, value) => ({value})); },
            ticks: {callback: value => data.widths[value], autoSkip: false, maxRotation: 0},
          },
          y: {
            type: 'logarithmic',
            reverse: true,
            min: Math.min(...all) / 1.15,
            max: Math.min(100, Math.max(...all) * 1.15),
            title: {display: true, text: 'accuracy'},
            afterBuildTicks: axis => {
              axis.ticks = marks.filter(m => m >= axis.min && m <= axis.max).map(value => ({value}));
            },
            ticks: {callback: value => percent(100 - value, value < 1 ? 1 : 0), autoSkip: false},
          },
        },
        plugins: {
          legend: {
            labels: {
              usePointStyle: true,
              boxHeight: 7,
              filter: item => !item.text.endsWith(', seeds'),
            },
            onClick: (event, item, legend) => {
              const chart = legend.chart;
              const visible = chart.isDatasetVisible(item.datasetIndex);
              chart.data.datasets.forEach((set, i) => {
                if (set.label === item.text || set.label === item.text + ', seeds') {
                  chart.setDatasetVisibility(i, !visible);
                }
              });
              chart.update();
            },
          },
          tooltip: {
            filter: item => Boolean(item.dataset.spread),
            callbacks: {
              title: items => items.length ? data.widths[items[0].dataIndex] : '',
              label: item => {
                const s = item.dataset.spread[item.dataIndex];
                return ` ${item.dataset.label}: ${percent(s.mean, 2)} ± ${s.deviation.toFixed(2)}`;
              },
            },
          },
        },
      },
      plugins: [whiskers],
    });
  }

  // ---- weights on their levels

  const slider = document.getElementById('epoch');
  const play = document.getElementById('play');
  const state = document.getElementById('state');
  let width = Math.min(2, data.widths.length - 1);
  let timer = 0;

  const levelLines = {
    id: 'levelLines',
    beforeDatasetsDraw(chart) {
      const {ctx, chartArea, scales: {x}} = chart;
      ctx.save();
      ctx.strokeStyle = color('soft');
      ctx.globalAlpha = 0.55;
      ctx.setLineDash([3, 4]);
      for (const level of data.gathering[width].levels) {
        const at = x.getPixelForValue(level);
        ctx.beginPath();
        ctx.moveTo(at, chartArea.top);
        ctx.lineTo(at, chartArea.bottom);
        ctx.stroke();
      }
      ctx.restore();
    },
  };

  function gatheringChart() {
    return new Chart('gathering', {
      type: 'bar',
      data: {datasets: [{data: [], backgroundColor: color('parq'), barPercentage: 1, categoryPercentage: 1}]},
      options: {
        scales: {
          x: {
            type: 'linear',
            offset: false,
            grid: {display: false},
            title: {display: true, text: 'weight, in scales of its row'},
            afterBuildTicks: axis => {
              axis.ticks = data.gathering[width].levels.map(value => ({value}));
            },
            ticks: {callback: value => String(value).replace('-', '\u2212'), maxRotation: 0},
          },
          y: {
            beginAtZero: true,
            title: {display: true, text: 'share of weights'},
            ticks: {callback: value => +value.toFixed(1) + ' %', maxTicksLimit: 6},
          },
        },
        plugins: {legend: {display: false}, tooltip: {enabled: false}},
      },
      plugins: [levelLines],
    });
  }

  function showFrame() {
    const history = data.gathering[width];
    const frame = history.frames[slider.value];
    const total = frame.counts.reduce((sum, count) => sum + count, 0);
    const chart = charts[1];
    const step = 1 / history.binsPerScale;
    const x = chart.options.scales.x;
    x.min = history.start;
    x.max = history.start + frame.counts.length * step;
    chart.data.datasets[0].data =
        frame.counts.map((count, i) => ({x: history.start + (i + 0.5) * step, y: 100 * count / total}));
    chart.update();
    const slope = 1 / frame.inverseSlope;
    const pull = slope <= 1 ? 'no pull yet'
        : Number.isFinite(slope) ? `slope ${slope.toFixed(slope < 10 ? 1 : 0)}` : 'rounded';
    state.textContent = `epoch ${slider.value} of ${history.frames.length - 1} · `
        + `${(100 * frame.onLevel).toFixed(1)} % on a level · ${pull}`;
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = 'Play';
  }

  function start() {
    if (Number(slider.value) >= Number(slider.max)) {
      slider.value = 0;
    }
    play.textContent = 'Pause';
    timer = setInterval(() => {
      if (Number(slider.value) >= Number(slider.max)) {
        stop();
      } else {
        slider.value = Number(slider.value) + 1;
        showFrame();
      }
    }, still ? 600 : 140);
  }

  function choose(index) {
    width = index;
    document.querySelectorAll('#widths button').forEach((button, i) =>
        button.setAttribute('aria-pressed', String(i === index)));
    slider.max = data.gathering[width].frames.length - 1;
    showFrame();
    showReadings();
  }

  // ---- what they read

  function drawDigits() {
    const list = document.getElementById('digits');
    for (const example of data.examples) {
      const item = document.createElement('li');
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 8;
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', 'an image of a ' + example.digit);
      const context = canvas.getContext('2d');
      const image = context.createImageData(8, 8);
      example.pixels.forEach((grey, i) => {
        const value = 255 - Math.round(grey / 16 * 235);
        image.data.set([value, value, value, 255], 4 * i);
      });
      context.putImageData(image, 0, 0);
      const row = document.createElement('div');
      row.append(document.createElement('span'), document.createElement('span'));
      item.append(canvas, row);
      list.append(item);
    }
  }

  function showReadings() {
    document.querySelectorAll('#digits li').forEach((item, i) => {
      const example = data.examples[i];
      item.querySelectorAll('span').forEach((span, k) => {
        const method = k === 0 ? 'ptq' : 'parq';
        const read = example[method][width];
        const wrong = read !== example.digit;
        span.textContent = read;
        span.className = method + (wrong ? ' wrong' : '');
        span.title = (k === 0 ? 'PTQ' : 'PARQ') + ' reads ' + read + (wrong ? ', wrong' : '');
      });
    });
  }

  // ---- all of it

  function draw() {
    charts.forEach(chart => chart.destroy());
    theme();
    charts = [accuracyChart(), gatheringChart()];
    choose(width);
  }

  data.widths.forEach((label, i) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.addEventListener('click', () => choose(i));
    document.getElementById('widths').append(button);
  });
  slider.addEventListener('input', () => { stop(); showFrame(); });
  play.addEventListener('click', () => timer ? stop() : start());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  drawDigits();
  draw();
  // A frame half way, where weights are on the move.
  slider.value = Math.round(data.gathering[width].frames.length / 4);
  showFrame();
})();
