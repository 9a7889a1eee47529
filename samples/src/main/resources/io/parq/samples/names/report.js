'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const METHODS = [
    {key: 'NEAREST_OF_BASE', label: 'PTQ of base, nearest', color: 'ptq', alpha: '55'},
    {key: 'OPTIMAL_OF_BASE', label: 'PTQ of base, error-optimal', color: 'ptq', alpha: ''},
    {key: 'NEAREST_OF_CONTROL', label: 'PTQ of control, nearest', color: 'ste', alpha: '55'},
    {key: 'OPTIMAL_OF_CONTROL', label: 'PTQ of control, error-optimal', color: 'ste', alpha: ''},
    {key: 'QAT', label: 'QAT', color: 'parq', alpha: ''},
  ];
  const color = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  let chart;

  // Horizontal lines for the models in fp32, over all bars.
  const references = {
    id: 'references',
    afterDatasetsDraw({ctx, chartArea, scales: {y}}) {
      ctx.save();
      ctx.strokeStyle = color('base');
      ctx.lineWidth = 1.5;
      for (const [value, dash] of [[data.base, [3, 4]], [data.control, [7, 4]]]) {
        const at = y.getPixelForValue(value);
        ctx.setLineDash(dash);
        ctx.beginPath();
        ctx.moveTo(chartArea.left, at);
        ctx.lineTo(chartArea.right, at);
        ctx.stroke();
      }
      ctx.restore();
    },
  };

  function bars(method) {
    return {
      label: method.label,
      data: data[method.key],
      backgroundColor: color(method.color) + method.alpha,
      borderColor: color(method.color),
      borderWidth: 1,
      borderRadius: 3,
    };
  }

  // A line of the legend without bars: the plugin above draws it.
  function reference(label, value, dash) {
    return {
      type: 'line',
      label: `${label} ${value.toFixed(3)}`,
      data: [],
      borderColor: color('base'),
      borderDash: dash,
      borderWidth: 1.5,
      pointStyle: 'line',
    };
  }

  function draw() {
    if (chart) {
      chart.destroy();
    }
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.color = color('soft');
    Chart.defaults.borderColor = color('line');
    Chart.defaults.animation = false;
    Chart.defaults.maintainAspectRatio = false;
    chart = new Chart('bits', {
      type: 'bar',
      data: {
        labels: data.widths,
        datasets: [
          ...METHODS.map(bars),
          reference('base, fp32', data.base, [3, 4]),
          reference('control, fp32', data.control, [7, 4]),
        ],
      },
      options: {
        scales: {
          x: {grid: {display: false}},
          y: {beginAtZero: true, title: {display: true, text: 'bits per character'}},
        },
        plugins: {
          legend: {labels: {usePointStyle: true, boxHeight: 7}},
          tooltip: {
            callbacks: {
              label: item => ` ${item.dataset.label}: ${item.parsed.y.toFixed(4)}`,
              afterLabel: item => {
                const behind = item.parsed.y - data.control;
                return `   ${behind < 0 ? '\u2212' : '+'}${Math.abs(behind).toFixed(4)} against the control`;
              },
            },
          },
        },
      },
      plugins: [references],
    });
  }

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  draw();
})();
