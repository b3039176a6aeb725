const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["assets/DefinitionEditor-thCou03O.js","assets/runtime-core.esm-bundler-CwD4hQUa.js","assets/textView-CKs_hA-y.js","assets/dist-CqlnV0eX.js","assets/circle-check-CR-glbtB.js","assets/index-BR6A4ib6.js","assets/client-Ch6mWmp4.js","assets/useQuery-jl14ry0_.js","assets/runtime-dom.esm-bundler-C95F8YCn.js","assets/index-BUIC8nbV.css","assets/model-D1aRYSxJ.js","assets/words-DQ18H7JM.js","assets/ProcessGraph-DvvqcbWD.js","assets/plus-ft2GQ2fz.js","assets/text-CqX--sPr.js","assets/outline-CdyPTrOK.js"])))=>i.map(i=>d[i]);
import{L as e,N as t,W as n,_ as r,c as i,f as a,g as o,h as s,lt as c,m as l,n as u,o as d,s as f,tt as p,u as m}from"./runtime-core.esm-bundler-CwD4hQUa.js";import{n as h,o as g,r as _}from"./client-Ch6mWmp4.js";import{P as v,t as y}from"./index-BR6A4ib6.js";import{t as b}from"./ErrorNotice-Co9DPnSV.js";import{t as x}from"./PageHeader-5zthNXPM.js";import{t as S}from"./action-DnpSuESB.js";import{t as C}from"./query-BSfTHYX7.js";import{n as w}from"./draft-CrwriKNM.js";var T=[`disabled`,`title`],E={key:1,class:`grid max-w-2xl gap-3 sm:grid-cols-2`},D=`name: my-process
version: 1
description: Say in a sentence what it is for.

input:
  topic:
    type: string
    required: true

steps:
  - id: write
    type: agent_task
    agent: writer
    message: Write a paragraph about {{input.topic}}.

outputs:
  - name: text
    source: "{{steps.write.output.response}}"
`,O=r({__name:`NewProcessPage`,setup(r){let O=o(()=>y(()=>import(`./DefinitionEditor-thCou03O.js`),__vite__mapDeps([0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]))),k=v(),A=g(),{isBusy:j,failure:M,run:N}=S(),P=C(`from`,!0),F=w(),I=p(F??(P.value===`blank`?D:``)),L=d(()=>P.value!==``);function R(e){I.value=e===`blank`?D:``,P.value=e}async function z(){await N(async()=>{let e=await h(_.POST(`/api/processes`,{body:{yaml_content:I.value}}));await A.invalidateQueries({queryKey:[`processes`]}),await k.replace({name:`edit`,params:{name:e.name}})})}return(r,o)=>{let d=e(`RouterLink`);return t(),m(u,null,[s(x,{title:`New process`},a({_:2},[L.value?{name:`actions`,fn:n(()=>[s(d,{class:`button`,to:`/processes`},{default:n(()=>[...o[3]||=[l(`Back`,-1)]]),_:1}),f(`button`,{type:`button`,class:`button primary`,disabled:c(j)||I.value.trim()===``,title:I.value.trim()?`Ctrl-S`:`There is no text yet`,onClick:z},` Save `,8,T)]),key:`0`}:void 0]),1024),s(b,{class:`mb-3`,error:c(M)},null,8,[`error`]),L.value?(t(),i(c(O),{key:0,modelValue:I.value,"onUpdate:modelValue":o[0]||=e=>I.value=e,onSave:z},null,8,[`modelValue`])):(t(),m(`div`,E,[f(`button`,{type:`button`,class:`panel p-4 text-left hover:border-line-strong`,"aria-describedby":`about-blank`,onClick:o[1]||=e=>R(`blank`)},[...o[4]||=[f(`span`,{class:`font-medium`},`Blank`,-1),f(`span`,{id:`about-blank`,class:`mt-1 block text-sm text-soft`,"aria-hidden":`true`},`One step by one agent, to write on from.`,-1)]]),f(`button`,{type:`button`,class:`panel p-4 text-left hover:border-line-strong`,"aria-describedby":`about-paste`,onClick:o[2]||=e=>R(`paste`)},[...o[5]||=[f(`span`,{class:`font-medium`},`Paste YAML`,-1),f(`span`,{id:`about-paste`,class:`mt-1 block text-sm text-soft`,"aria-hidden":`true`},`A definition that you have already.`,-1)]])]))],64)}}});export{O as default};